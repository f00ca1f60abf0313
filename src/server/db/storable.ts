// Text from elsewhere on its way into the tables.
import { limits } from '../limits.ts'

/** PostgreSQL stores no NUL, JSON no lone surrogate; both can come from inside a sandbox. */
export const storable = (text: string): string =>
  text.slice(0, limits.textMax).toWellFormed().replaceAll('\0', '\u2400')
