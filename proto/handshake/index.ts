export {
  APP_VERSION,
  CORE_VERSION,
  MAGIC_COOKIE_KEY,
  MAGIC_COOKIE_VALUE,
  MAX_HANDSHAKE_LINE_BYTES,
  chooseVersion,
  formatHandshakeLine,
  parseHandshakeLine,
  type HandshakeLine,
} from './line.js';
export { certificatePem, createCertificate, type Certificate } from './certificate.js';
