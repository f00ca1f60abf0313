// Headers as a file of the operator holds them, `Name: value`, one a line: read by the supervisor before anything is stopped for
// them, and by the server that sends them.

const headerLine = /^([A-Za-z0-9-]{1,64}): *([\x21-\x7e][\x20-\x7e]{0,4095})$/

export type HeaderLines =
  | { readonly ok: true; readonly headers: readonly (readonly [name: string, value: string])[] }
  /** Counted from 1. */
  | { readonly ok: false; readonly line: number }

export const parseHeaderLines = (text: string): HeaderLines => {
  const headers: [name: string, value: string][] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const [, name, value] = headerLine.exec(line) ?? []
    if (name === undefined || value === undefined) return { ok: false, line: i + 1 }
    headers.push([name.toLowerCase(), value])
  }
  return { ok: true, headers }
}
