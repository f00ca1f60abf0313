// `shell` texts as words. The runner appends the path of the script file, so what would make the shell read its
// program from the command line instead (`-c` and its likes) is taken off (config-dialects.md §2.13).

export const parseShell = (words: readonly string[]): readonly string[] => {
  const last = words.at(-1)
  const program = (words[0] ?? '').toLowerCase()
  if (last === undefined || words.length < 2) return withFileFlag(program, words)
  if (program.includes('powershell') || program.includes('pwsh')) {
    const reads = ['-command', '-c'].includes(last.toLowerCase())
    return withFileFlag(program, reads ? words.slice(0, -1) : words)
  }
  if (!/^-[A-Za-z]*c$/.test(last)) return words
  return last === '-c' ? words.slice(0, -1) : [...words.slice(0, -1), last.slice(0, -1)]
}

const withFileFlag = (program: string, words: readonly string[]): readonly string[] => {
  const needsFlag = program.includes('powershell') || program.includes('pwsh')
  return needsFlag && words.at(-1)?.toLowerCase() !== '-file' ? [...words, '-File'] : words
}

/** Blanks separate words; single quotes keep all, double quotes and backslashes as a shell has them. null: unclosed. */
export const splitWords = (text: string): string[] | null => {
  const words: string[] = []
  let word: string | null = null
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (quote === "'" && char !== "'") word = (word ?? '') + char
    else if (char === '\\' && i + 1 < text.length) word = (word ?? '') + text.charAt(++i)
    else if (char === quote) quote = ''
    else if (quote === '' && (char === '"' || char === "'")) {
      quote = char
      word ??= ''
    } else if (quote === '' && /\s/.test(char)) {
      if (word !== null) words.push(word)
      word = null
    } else word = (word ?? '') + char
  }
  if (word !== null) words.push(word)
  return quote === '' ? words : null
}
