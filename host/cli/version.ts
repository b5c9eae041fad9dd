/** The host's own version, equal to package.json's; a test holds the two together. */
export const HOST_VERSION = '0.1.0';
