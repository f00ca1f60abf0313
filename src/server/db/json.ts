// JSON as PostgreSQL takes it: jsonb has no NUL and no half of a surrogate pair, and both can come from a sandbox.
// In what JSON.stringify writes they can only stand as escapes, so replacing the escapes is enough.

export const jsonText = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll('\\u0000', '\\u2400')
    .replaceAll(/\\ud[89a-f][0-9a-f]{2}/g, '\\ufffd')
