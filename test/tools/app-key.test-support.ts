/** A key of an app, and what the configuration holds of it. */
export const KEY = 'shop-key-for-tests-only';
export const KEY_HASH = 'sha256:32bba08e4f7faaa60cd115e0cfe79e47dda0645eeb309ffd365c0509ac328aa9';
