/** Every table, by name. Each part of the host adds its own from its file in `tables/`. */
export interface Database {}
