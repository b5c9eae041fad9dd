import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { found } from './find.test-support.js';
import { IBAN_LENGTHS } from './iban-lengths.js';
import { iban, passesMod97 } from './iban.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';

function withChecksum(country: string, account: string): string {
  for (let check = 2; check < 99; check += 1) {
    const candidate = `${country}${String(check).padStart(2, '0')}${account}`;
    if (passesMod97(candidate)) return candidate;
  }
  throw new Error('one checksum fits');
}

const anyIban = fc.constantFrom(...Object.keys(IBAN_LENGTHS)).chain((country) =>
  fc
    .array(fc.constantFrom(...ALPHABET), {
      minLength: (IBAN_LENGTHS[country] ?? 0) - 4,
      maxLength: (IBAN_LENGTHS[country] ?? 0) - 4,
    })
    .map((account) => withChecksum(country, account.join(''))),
);

const grouped = (text: string): string => text.replace(/.{4}(?!$)/g, '$& ');

describe('iban', () => {
  it.each([
    'DE89370400440532013000',
    'DE89 3704 0044 0532 0130 00',
    'gb29 nwbk 6016 1331 9268 19',
    'FR1420041010050500013M02606',
    'NO9386011117947',
    'MT84MALT011000012345MTLCAST001S',
  ])('finds %s', (text) => {
    expect(found(iban, `to IBAN ${text}.`)).toEqual([text]);
  });

  it('finds every account of every country, in one run and in groups of four', () => {
    fc.assert(
      fc.property(anyIban, fc.boolean(), (number, groups) => {
        const text = groups ? grouped(number) : number;
        expect(found(iban, `(${text})`)).toEqual([text]);
        expect(iban.canonical(text)).toBe(number);
      }),
    );
  });

  // Of a digit and a letter the checksum does not notice every swap: a letter counts as two digits.
  it('leaves one with two neighbours of a kind swapped', () => {
    const isDigit = (character: string | undefined): boolean => /\d/.test(character ?? '');
    fc.assert(
      fc.property(anyIban, fc.integer({ min: 4, max: 13 }), (number, at) => {
        fc.pre(number[at] !== number[at + 1] && isDigit(number[at]) === isDigit(number[at + 1]));
        const swapped = `${number.slice(0, at)}${number[at + 1] ?? ''}${number[at] ?? ''}${number.slice(at + 2)}`;
        expect(found(iban, swapped)).toEqual([]);
      }),
    );
  });

  it('leaves one that is too short, too long, or of a country without IBANs', () => {
    expect(found(iban, 'DE8937040044053201300')).toEqual([]);
    expect(found(iban, 'DE893704004405320130001')).toEqual([]);
    expect(found(iban, 'US89370400440532013000')).toEqual([]);
  });

  it('keeps country and last four in a partial mask', () => {
    expect(iban.partial('DE89 3704 0044 0532 0130 00')).toBe('DE****************3000');
  });
});
