import type { Notice } from '../config/config.js';

/** One line a notice: `FAILS_OPEN  bulkhead.yaml:12  message`. */
export function renderNotices(notices: readonly Notice[]): string {
  return notices
    .map(({ code, message, file, line }) => {
      const place = [file, line].filter((part) => part !== undefined).join(':');
      return `${[code, place, message].filter(Boolean).join('  ')}\n`;
    })
    .join('');
}
