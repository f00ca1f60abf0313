// What the bench and its workers say to each other, a line of JSON each.

/** `name` is that of a row. What was open before is closed. */
export type Order =
  | { readonly do: 'open'; readonly name: string }
  | { readonly do: 'sample' }
  | { readonly do: 'close' }

/** A sample in the unit of its row; 0 for the other orders. */
export type Answer = { readonly value: number } | { readonly error: string }
