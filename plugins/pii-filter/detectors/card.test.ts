import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { card, passesLuhn } from './card.js';
import { found } from './find.test-support.js';

function withCheckDigit(body: string): string {
  for (let digit = 0; digit < 10; digit += 1) {
    if (passesLuhn(`${body}${String(digit)}`)) return `${body}${String(digit)}`;
  }
  throw new Error('one of ten digits passes');
}

const digits = (length: number): fc.Arbitrary<string> =>
  fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length })
    .map((list) => list.join(''));

const cardNumber = fc
  .tuple(fc.constantFrom('2', '3', '4', '5', '6'), fc.integer({ min: 12, max: 17 }).chain(digits))
  .map(([first, rest]) => withCheckDigit(first + rest));

describe('card', () => {
  it.each([
    ['4111-1111-1111-1111', 'Visa with dashes'],
    ['4111 1111 1111 1111', 'with spaces'],
    ['4111.1111.1111.1111', 'with dots'],
    ['4111\u00a01111\u20111111\u20131111', 'with typographic separators'],
    ['4111 - 1111 - 1111 - 1111', 'with wide separators'],
    ['4111111111111111', 'in one run'],
    ['4222222222222', '13 digits'],
    ['378282246310005', 'Amex, 15 digits'],
    ['3782 822463 10005', 'Amex in its groups'],
    ['30569309025904', 'Diners, 14 digits'],
    ['6011111111111117', 'Discover'],
    ['2223003122003222', 'Mastercard, 2 series'],
    ['6304 0000 0000 0000', 'Maestro'],
  ])('finds %s (%s)', (text) => {
    expect(found(card, `pay with ${text}, please`)).toEqual([text]);
  });

  it('finds every number of 14 to 19 digits whose check digit is right, whatever stands around it', () => {
    fc.assert(
      fc.property(cardNumber, fc.constantFrom('', ' ', 'x', '"', ':', 'nr.'), (number, around) => {
        expect(found(card, `${around}${number}${around}`)).toEqual([number]);
      }),
    );
  });

  it('finds no number with one digit changed', () => {
    fc.assert(
      fc.property(cardNumber, fc.nat(12), fc.integer({ min: 1, max: 9 }), (number, at, by) => {
        const wrong = number.slice(0, at) + String((Number(number[at]) + by) % 10) + number.slice(at + 1);
        expect(found(card, wrong)).toEqual([]);
      }),
    );
  });

  it('finds the card and leaves the security code behind it', () => {
    expect(found(card, '4111 1111 1111 1111 123')).toEqual(['4111 1111 1111 1111']);
  });

  it('finds two cards in a row', () => {
    expect(found(card, '4111111111111111 5555555555554444')).toEqual([
      '4111111111111111',
      '5555555555554444',
    ]);
  });

  it('finds a card spelt digit by digit', () => {
    expect(found(card, 'it is 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1')).toEqual(['4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1']);
  });

  it.each([
    ['1700000000000', 'a timestamp in milliseconds'],
    ['4111111111111112', 'a wrong check digit'],
    ['0.4111111111111111', 'the digits of a fraction'],
    ['41111111111111111111', 'more than 19 digits'],
    ['9111111111111111', 'a first digit that no scheme uses'],
    ['1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20', 'a list of small numbers'],
  ])('leaves %s: %s', (text) => {
    expect(found(card, text)).toEqual([]);
  });

  it('keeps the last four digits and the separators in a partial mask', () => {
    expect(card.partial('4111-1111-1111-1234')).toBe('****-****-****-1234');
  });
});
