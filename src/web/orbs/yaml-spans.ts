// A line of YAML cut into what is looked at differently: keys, comments, the rest. Only for the eye: nothing is understood, and
// whatever it says is drawn as text.
export type YamlSpan = { readonly text: string; readonly kind: 'key' | 'comment' | 'text' }

export const yamlSpans = (line: string): readonly YamlSpan[] => {
  const comment = /(?:^|\s)#/.exec(line)?.index ?? line.length
  const [code, rest] = isQuoted(line, comment) ? [line, ''] : [line.slice(0, comment), line.slice(comment)]
  const key = /^(\s*(?:- +)*)([^\s"'#:-][^"'#:]*|"[^"]*"|'[^']*')(:)(?=\s|$)/.exec(code)
  const [, indent = '', name = ''] = key ?? []
  const spans: YamlSpan[] = [
    { text: indent, kind: 'text' },
    { text: name, kind: 'key' },
    { text: code.slice(indent.length + name.length), kind: 'text' },
    { text: rest, kind: 'comment' },
  ]
  return spans.filter(({ text }) => text !== '')
}

/** Whether a quotation that is open at `at` ends behind it. */
const isQuoted = (line: string, at: number): boolean => {
  const before = line.slice(0, at)
  return ['"', "'"].some((mark) => before.split(mark).length % 2 === 0 && line.includes(mark, at))
}
