// A tree as YAML that reads back as the same tree: block maps and lists, and in quotes what is not a number, a boolean or
// nothing. For configurations that are made of several; aliases and merges are written out, so the length is bounded.
import { limits } from '../limits.ts'
import { resolveBoolean, resolveScalar, type ScalarNode, type SourceNode } from './node.ts'

/** null: it would be larger than a configuration may be. */
export const writeYaml = (node: SourceNode): string | null => {
  const lines: string[] = []
  let left = limits.fileBytesMax
  const put = (line: string): void => {
    left -= line.length + 1
    lines.push(line)
  }
  const write = (value: SourceNode, head: string, indent: string): void => {
    if (left < 0) return
    const leaf = leafOf(value)
    if (leaf !== null || head !== '') put(`${head} ${leaf ?? ''}`.trimEnd())
    if (leaf !== null) return
    if (value.kind === 'list') for (const item of value.items) write(item, `${indent}-`, `${indent}  `)
    else if (value.kind === 'map')
      for (const entry of value.entries.values())
        write(entry.value, `${indent}${quoted(entry.key.text)}:`, `${indent}  `)
  }
  write(node, '', '')
  return left < 0 ? null : `${lines.join('\n')}\n`
}

const leafOf = (node: SourceNode): string | null => {
  if (node.kind === 'scalar') return wordOf(node)
  if (node.kind === 'list') return node.items.length === 0 ? '[]' : null
  return node.entries.size === 0 ? '{}' : null
}

/** What may mean something else than a text keeps its spelling: `3.10` is not `3.1`, and `yes` a boolean in places. */
const wordOf = (node: ScalarNode): string =>
  resolveScalar(node).type !== 'string' || resolveBoolean(node) !== null ? node.text : quoted(node.text)

const quoted = (text: string): string => JSON.stringify(text)
