import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { email } from './email.js';
import { found } from './find.test-support.js';

describe('email', () => {
  it.each([
    'ada@example.com',
    'ada.lovelace+notes@mail.example.co.uk',
    "o'brien@example.ie",
    'a@b.co',
    'user_name-1@sub-domain.example.org',
    'jürgen@müller.de',
    'почта@пример.рф',
    'x@xn--mller-kva.de',
    'ada%40example.com',
  ])('finds %s', (text) => {
    expect(found(email, `<${text}>, or write`)).toEqual([text]);
  });

  it.each([
    ['mail=ada@example.com&x=1', 'ada@example.com'],
    ['mailto:ada@example.com?subject=x', 'ada@example.com'],
    ["'ada@example.com'", 'ada@example.com'],
    ['write to ada@example.com.', 'ada@example.com'],
    ['ada@example.com-', 'ada@example.com'],
    ['ada@example.com..', 'ada@example.com'],
  ])('takes from %s only the address', (text, address) => {
    expect(found(email, text)).toEqual([address]);
  });

  it.each(['user@localhost', 'node@24.0.1', '@types/node', 'a @ b.com', 'x@.com', 'a@b', '@', ''])(
    'leaves %s',
    (text) => {
      expect(found(email, text)).toEqual([]);
    },
  );

  it('finds every plain address', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,20}$/);
    fc.assert(
      fc.property(word, word, fc.stringMatching(/^[a-z]{2,10}$/), (local, domain, top) => {
        const address = `${local}@${domain}.${top}`;
        expect(found(email, `- ${address} -`)).toEqual([address]);
      }),
    );
  });

  it('joins addresses that share characters into one match', () => {
    expect(found(email, 'a@b.co@c.de')).toEqual(['a@b.co@c.de']);
  });

  it('keeps the first character and the domain in a partial mask', () => {
    expect(email.partial('ada@example.com')).toBe('a***@example.com');
  });
});
