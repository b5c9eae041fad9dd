/** Tags of the fields of OpenRequest and OpenResponse, and of Frame, as link.proto numbers them. */
export const TAG_FRAME = 0x0a;
export const TAG_CALLS = 0x0a;
export const TAG_REPLIES = 0x12;
export const TAG_CANCELS = 0x1a;
export const TAG_PARTS = 0x22;
