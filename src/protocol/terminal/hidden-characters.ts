// Hostile text made visible: characters that reorder, hide or imitate are shown as marked boxes, never obeyed.
// Branch names, commit messages, step names and log lines all pass through here (experience.md §1.1).

export type TextPiece = { readonly text: string; readonly mark: boolean }

// Controls but tab, soft hyphen, Arabic letter mark, Hangul fillers, zero-width and bidi controls, separators,
// invisible operators, variation selector supplement, byte order mark, interlinear marks and tag characters.
const invisible =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: single code points, on purpose.
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e01ef}]/gu

export const markedPieces = (text: string): readonly TextPiece[] => {
  const pieces: TextPiece[] = []
  let at = 0
  for (const match of text.matchAll(invisible)) {
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), mark: false })
    pieces.push({ text: codePointName(match[0]), mark: true })
    at = match.index + match[0].length
  }
  if (at < text.length) pieces.push({ text: text.slice(at), mark: false })
  return pieces
}

const codePointName = (char: string): string =>
  `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
