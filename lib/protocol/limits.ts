/** How many ids of earlier connections a client brings, the newest of them (reference 16.7). */
export const MAX_IDS = 100;

/** Of how many topics a client brings its position, those that it followed last (reference 16.7). */
export const MAX_POSITIONS = 1000;
