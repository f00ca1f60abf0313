// The end of the line that an editor, `echo` or a pipe leaves behind a value that somebody typed.

export const withoutLineEnd = (value: Uint8Array): Uint8Array => {
  if (value.at(-1) !== 0x0a) return value
  return value.subarray(0, value.at(-2) === 0x0d ? -2 : -1)
}
