import { card } from './card.js';
import type { Detector, DetectorName } from './detector.js';
import { email } from './email.js';
import { iban } from './iban.js';
import { ipv4 } from './ipv4.js';
import { ipv6 } from './ipv6.js';
import { phone } from './phone.js';
import { ssn } from './ssn.js';

export const DETECTORS: Readonly<Record<DetectorName, Detector>> = {
  card,
  iban,
  ssn,
  email,
  phone,
  ipv6,
  ipv4,
};
