// Which backend of PostgreSQL a connection of ours is, as its notices name their sender.
import type pg from 'pg'

/** The number of the backend behind an open connection, by which PostgreSQL says who sent a notice. */
export const backendOf = (client: pg.ClientBase): number =>
  // SAFE: `pg` has known it since it connected; its types leave it out.
  (client as unknown as { readonly processID: number }).processID
