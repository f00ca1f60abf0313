// YAML text to nodes with positions, for hostile text (config-dialects.md §1.1): bounded in bytes, depth and alias
// expansion before anything is built, no tags beyond the core ones, no values guessed. The library reads the syntax;
// what aliases, merges and duplicate keys mean is decided here, because the dialects differ from YAML's own rules.

import type { CST, Pair, YAMLMap, YAMLSeq } from 'yaml'
import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, Parser } from 'yaml'
import { utf8 } from '../../base/bytes.ts'
import { limits } from '../limits.ts'
import type { Problems } from '../problems.ts'
import { didYouMean } from '../suggest.ts'
import { createSourceFile, type SourceFile, type Spot } from './file.ts'
import { joinValues } from './join-values.ts'
import {
  type Entry,
  listNode,
  type MapNode,
  mapNode,
  type ScalarNode,
  type SourceNode,
  scalarNode,
} from './node.ts'

/** null when the file cannot be used; the problems say why. An empty file is an empty scalar. */
export const loadYaml = (path: string, source: string, problems: Problems): SourceNode | null => {
  const file = createSourceFile(path, source)
  const top: Spot = { file, start: 0, end: 1 }
  // A text has at least as many UTF-8 bytes as UTF-16 units, so a huge one is never encoded.
  if (source.length > limits.fileBytesMax || utf8(source).length > limits.fileBytesMax) {
    problems.add('E_YAML_TOO_LARGE', top, `the file is larger than ${limits.fileBytesMax / 1024 / 1024} MiB`)
    return null
  }
  const tokens = readTokens(file, file.text, problems)
  const document = tokens && compose(file, tokens, problems)
  return document ? convertDocument(file, document, problems) : null
}

/** The depth is bounded here, in the parser that keeps its own stack: composing and converting recurse. */
const readTokens = (file: SourceFile, text: string, problems: Problems): CST.Token[] | null => {
  const parser = new Parser()
  const tokens: CST.Token[] = []
  for (const lexemes of inBatches(new Lexer().lex(text)))
    for (const lexeme of lexemes) {
      const start = parser.offset
      for (const token of parser.next(lexeme)) tokens.push(token)
      if (parser.stack.length > limits.depthMax + 2) {
        const spot = { file, start, end: start + 1 }
        problems.add(
          'E_YAML_TOO_DEEP',
          spot,
          `maps and lists are nested deeper than ${limits.depthMax} levels`,
        )
        return null
      }
    }
  for (const token of parser.end()) tokens.push(token)
  return tokens
}

const batchSize = 4096

/** Lexer and parser in turn, two chains of generators, would take a fifth longer. */
function* inBatches(lexemes: Iterable<string>): Generator<readonly string[]> {
  let batch: string[] = []
  for (const lexeme of lexemes) {
    batch.push(lexeme)
    if (batch.length < batchSize) continue
    yield batch
    batch = []
  }
  yield batch
}

const compose = (file: SourceFile, tokens: CST.Token[], problems: Problems): Document.Parsed | null => {
  const read = documentsOf(file, tokens)
  const [document, second] = isSound(read) ? read : (composeJoined(file, read, problems) ?? read)
  if (!document) return null
  if (second) {
    const start = second.range[0]
    const spot = { file, start, end: start + 1 }
    problems.add('E_YAML_DOCUMENTS', spot, 'the file holds more than one YAML document')
  }
  const errors = errorsOf(document)
  for (const error of toldOf(errors)) {
    const spot = { file, start: Math.max(0, error.pos[0]), end: Math.max(1, error.pos[1]) }
    problems.add('E_YAML_SYNTAX', spot, sentence(error.message))
  }
  return second || errors.length > 0 ? null : document
}

const documentsOf = (file: SourceFile, tokens: CST.Token[]): Document.Parsed[] => {
  // `failsafe` leaves every scalar a text; keys and merges are ours to judge.
  const composer = new Composer({
    schema: 'failsafe',
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
  return [...composer.compose(tokens, true, file.text.length)]
}

/** A comment right behind a quote or a bracket is one to other parsers, and has been read as one. */
const errorsOf = ({ errors }: Document.Parsed) =>
  errors.filter(({ message }) => !message.startsWith('Comments must be separated from other tokens'))

/** Behind a fault the reader may have lost its way: then each token to the end of the file is another one. */
const toldOf = <E extends { readonly message: string }>(errors: readonly E[]): readonly E[] =>
  errors
    .filter(({ message }, at) => at === 0 || !message.includes(' in YAML stream'))
    .slice(0, limits.syntaxProblemsMax)

const isSound = (documents: readonly Document.Parsed[]): boolean =>
  documents.every((document) => errorsOf(document).length === 0)

/** null: it is wrong for another reason. */
const composeJoined = (
  file: SourceFile,
  read: readonly Document.Parsed[],
  problems: Problems,
): Document.Parsed[] | null => {
  const joined = joinValues(
    file.text,
    read.flatMap((document) => errorsOf(document).map(({ pos }) => pos[0])),
  )
  const tokens = joined === null ? null : readTokens(file, joined, problems)
  const documents = tokens && documentsOf(file, tokens)
  return documents && isSound(documents) ? documents : null
}

/** The library's messages start with a capital and may quote whole lines. */
const sentence = (message: string): string => {
  const line = (message.split('\n', 1)[0] ?? '').slice(0, 300)
  return line.charAt(0).toLowerCase() + line.slice(1)
}

type Conversion = {
  readonly file: SourceFile
  readonly problems: Problems
  /** null while the anchored node is being read: an alias to it would contain itself. */
  readonly anchors: Map<string, SourceNode | null>
  /** Nodes that aliases may still stand for: less than nothing, and they stand for none. */
  left: number
  failed: boolean
}

const convertDocument = (
  file: SourceFile,
  document: Document.Parsed,
  problems: Problems,
): SourceNode | null => {
  const allowed = Math.max(limits.expansionFloor, limits.expansionFactor * countNodes(document.contents))
  const conversion: Conversion = { file, problems, anchors: new Map(), left: allowed, failed: false }
  const root = convert(conversion, document.contents, 0)
  if (conversion.left < 0) {
    problems.add('E_YAML_EXPANSION', root, `aliases expand to more than ${allowed} nodes`)
    return null
  }
  return conversion.failed ? null : root
}

/** As written: before anything is expanded, because a merge copies what its alias stands for. */
const countNodes = (node: unknown): number => {
  const parts = isSeq(node)
    ? node.items
    : isMap(node)
      ? node.items.flatMap(({ key, value }) => [key, value])
      : []
  return parts.reduce((sum: number, part) => sum + countNodes(part), 1)
}

const convert = (conversion: Conversion, node: unknown, fallback: number): SourceNode => {
  const { file } = conversion
  if (isAlias(node)) return resolveAlias(conversion, node.source, spotOf(file, node, fallback))
  const spot = spotOf(file, node, fallback)
  if (isScalar(node)) return anchored(conversion, node.anchor, () => convertScalar(conversion, node, spot))
  if (isMap(node)) return anchored(conversion, node.anchor, () => convertMap(conversion, node, spot))
  if (isSeq(node)) return anchored(conversion, node.anchor, () => convertList(conversion, node, spot))
  return scalarNode(spot, '', true)
}

const spotOf = (file: SourceFile, node: unknown, fallback: number): Spot => {
  const range = (node as { range?: readonly number[] | null } | null)?.range
  const start = range?.[0] ?? fallback
  return { file, start, end: Math.max(start, range?.[1] ?? start) }
}

/** The later of two definitions of an anchor holds from there on. */
const anchored = (conversion: Conversion, anchor: string | undefined, read: () => SourceNode): SourceNode => {
  if (anchor === undefined) return read()
  conversion.anchors.set(anchor, null)
  const node = read()
  conversion.anchors.set(anchor, node)
  return node
}

const resolveAlias = (conversion: Conversion, name: string, spot: Spot): SourceNode => {
  const target = conversion.anchors.get(name)
  if (target) {
    conversion.left -= target.size
    conversion.problems.constructs?.lend(target)
    return conversion.left < 0 ? mapNode(spot, new Map()) : target
  }
  conversion.failed = true
  const message =
    target === null ? `the alias "*${name}" contains itself` : `the alias "*${name}" names no anchor above it`
  conversion.problems.add('E_YAML_ALIAS', spot, message, () => didYouMean(name, conversion.anchors.keys()))
  return scalarNode(spot, '', true)
}

const coreTags = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'seq', 'map'].map((t) => `tag:yaml.org,2002:${t}`),
)

const checkTag = (conversion: Conversion, tag: string | undefined, spot: Spot): void => {
  if (tag === undefined || tag === '!' || coreTags.has(tag)) return
  conversion.failed = true
  conversion.problems.add(
    'E_YAML_TAG',
    spot,
    `the YAML tag "${tag.slice(0, 80)}" is not allowed`,
    'remove the tag',
  )
}

type ScalarLike = { value: unknown; source?: string; tag?: string; type?: unknown }

const convertScalar = (conversion: Conversion, node: ScalarLike, spot: Spot): ScalarNode => {
  checkTag(conversion, node.tag, spot)
  const text = typeof node.value === 'string' ? node.value : (node.source ?? '')
  const asText = node.tag === '!' || node.tag === 'tag:yaml.org,2002:str'
  return scalarNode(spot, text, node.type === 'PLAIN' && !asText)
}

const convertList = (conversion: Conversion, node: YAMLSeq, spot: Spot): SourceNode => {
  checkTag(conversion, node.tag, spot)
  const items = node.items.map((item) => convert(conversion, item, spot.end))
  return listNode(spot, items)
}

const convertMap = (conversion: Conversion, node: YAMLMap, spot: Spot): MapNode => {
  checkTag(conversion, node.tag, spot)
  const own = new Map<string, Entry>()
  const merges: SourceNode[] = []
  for (const pair of node.items as Pair[]) {
    const key = convert(conversion, pair.key, spot.start)
    const value = convert(conversion, pair.value, key.end)
    if (key.kind !== 'scalar') {
      conversion.failed = true
      conversion.problems.add('E_YAML_KEY', key, 'a map key must be a text, a number or a boolean')
    } else if (key.text === '<<' && key.plain) merges.push(value)
    else {
      if (own.has(key.text)) {
        const message = `the key "${key.text}" is written twice; the last one counts`
        conversion.problems.add('W_YAML_DUPLICATE_KEY', key, message)
      }
      own.set(key.text, { key, value })
    }
  }
  for (const merge of merges) mergeInto(conversion, own, merge)
  return mapNode(spot, own)
}

/** Keys that are already there win; with several merges the earlier one wins. */
const mergeInto = (conversion: Conversion, own: Map<string, Entry>, merge: SourceNode): void => {
  for (const source of merge.kind === 'list' ? merge.items : [merge]) {
    if (source.kind !== 'map') {
      conversion.failed = true
      conversion.problems.add('E_YAML_MERGE', source, 'the merge key "<<" needs a map, or a list of maps')
      continue
    }
    for (const [name, entry] of source.entries) if (!own.has(name)) own.set(name, entry)
  }
}
