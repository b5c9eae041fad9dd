/** The host's own version, equal to package.json's. */
export const HOST_VERSION = '0.1.0';
