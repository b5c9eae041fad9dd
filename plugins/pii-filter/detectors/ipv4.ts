import type { Detector, Span } from './detector.js';

// Neither side may go on: 1.2.3.4.5 is a version, 1.2.3.4 may be an address.
const CANDIDATE = /(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\d|\.\d)/g;

/** IPv4 addresses. Loopback (127.0.0.0/8), 0.0.0.0 and 255.255.255.255 point at nobody and stay. */
export const ipv4: Detector = {
  name: 'ipv4',
  numbers: false,
  find(text) {
    if (text.length < 7 || !text.includes('.')) return [];
    const spans: Span[] = [];
    for (const match of text.matchAll(CANDIDATE)) {
      const octets = match[0].split('.').map(Number);
      if (octets.every((octet) => octet <= 255) && pointsAtSomebody(octets)) {
        spans.push({ start: match.index, end: match.index + match[0].length });
      }
    }
    return spans;
  },
  canonical: (value) => value.split('.').map(Number).join('.'),
  partial: (value) => `${value.split('.').slice(0, 2).join('.')}.*.*`,
};

function pointsAtSomebody(octets: readonly number[]): boolean {
  return (
    octets[0] !== 127 && !octets.every((octet) => octet === 0) && !octets.every((octet) => octet === 255)
  );
}
