// Reads a JUnit report piece by piece: every `testcase`, wherever it stands. A job wrote it, so it is hostile and often
// broken: nothing is declared or included by it, no entity but XML's own five is known, and what can still be read after
// an error is read. The first error is told with its line.
import { SaxesParser, type SaxesTagPlain } from 'saxes'
import {
  type TestCase,
  type TestOutcome,
  testMessageMax,
  testMsMax,
  testWordMax,
} from '../../../protocol/test-results.ts'

export type ReportReader = {
  write(text: string): void
  /** What was wrong, with the line it begins in; null: nothing. */
  end(): string | null
}

const depthMax = 64
/** Read beyond what is kept, so that a secret is still whole where it is masked. */
const slack = 1_024
const attributesMax = 64
/** After so many, nothing of the file is believed any more. */
const errorsMax = 100

type Open = { outcome: TestOutcome; name: string; class: string; file: string; ms: number; message: string }
type State = {
  readonly found: (test: TestCase) => void
  /** Of the suites around, the innermost last. */
  readonly suiteFiles: string[]
  depth: number
  test: Open | null
  /** Text goes to the message of the test. */
  isMessage: boolean
  errors: number
  first: string | null
}

export const createReportReader = (found: (test: TestCase) => void): ReportReader => {
  const state: State = {
    ...{ found, suiteFiles: [], depth: 0, test: null, isMessage: false, errors: 0, first: null },
  }
  const parser = new SaxesParser<{ xmlns?: false; position: true }>({ position: true })
  forgiveReferences(parser)
  const broken = (what: string): void => {
    state.first ??= `line ${parser.line}: ${what}`
    state.errors++
  }
  const isOver = (): boolean => state.errors > errorsMax
  const end = (what: string): void => {
    broken(what)
    state.errors = errorsMax + 1
  }
  parser.on('error', ({ message }) => broken(message.replace(/^[\d:]+ /, '').replace(/\.$/, '')))
  parser.on('doctype', () => end('a DOCTYPE is not read'))
  parser.on('attribute', () => {
    if (++attributes > attributesMax) end(`an element with more than ${attributesMax} attributes`)
  })
  let attributes = 0
  parser.on('opentag', (tag) => {
    attributes = 0
    if (isOver()) return
    if (++state.depth > depthMax) end(`more than ${depthMax} elements in each other`)
    else opened(state, tag)
  })
  parser.on('closetag', (tag) => {
    if (isOver()) return
    state.depth--
    closed(state, nameOf(tag))
  })
  const textFound = (text: string) => {
    if (state.isMessage && !isOver()) addMessage(state.test, text)
  }
  parser.on('text', textFound)
  parser.on('cdata', textFound)
  return {
    write: (text) => {
      // Characters that XML forbids stand in many reports (colours of terminals): left out, they harm nobody.
      if (!isOver()) parser.write(text.replaceAll(forbidden, ''))
    },
    end: () => {
      if (!isOver()) parser.close()
      return state.first
    },
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/**
 * References to what XML 1.0 cannot hold, `&#27;` above all, are written by many tools, one for each colour: controls are
 * left out as where they stand themselves, the rest becomes U+FFFD.
 */
const forgiveReferences = (parser: object): void => {
  // SAFE: the parser's one place where a reference is resolved, in the version that is pinned; a test would tell. Before
  // the parser nobody knows whether `&#27;` is a reference or, in a CDATA section, five characters.
  const inner = parser as { parseEntity: (entity: string) => string }
  const resolve = inner.parseEntity.bind(parser)
  inner.parseEntity = (entity) => {
    const digits = /^#(?:x([0-9a-f]+)|([0-9]+))$/i.exec(entity)
    if (digits === null) return resolve(entity)
    const code = digits[2] === undefined ? Number.parseInt(digits[1] ?? '', 16) : Number(digits[2])
    const isNone = code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)
    return isNone ? '\ufffd' : String.fromCodePoint(code).replace(forbidden, '')
  }
}

const nameOf = ({ name }: SaxesTagPlain): string => name.slice(name.indexOf(':') + 1)

const opened = (state: State, tag: SaxesTagPlain): void => {
  const { attributes } = tag
  switch (nameOf(tag)) {
    case 'testsuite':
      state.suiteFiles.push(attributes.file ?? attributes.filepath ?? '')
      return
    case 'testcase':
      state.test = startOf(attributes, state.suiteFiles.findLast((file) => file !== '') ?? '')
      return
    case 'failure':
    case 'error':
      if (state.test === null) return
      state.test.outcome = 'failed'
      speak(state, attributes.message ?? attributes.type)
      return
    case 'skipped':
      if (state.test === null || state.test.outcome === 'failed') return
      state.test.outcome = 'skipped'
      speak(state, attributes.message)
  }
}

const speak = (state: State, text: string | undefined): void => {
  state.isMessage = true
  addMessage(state.test, text === undefined ? '' : `${text}\n`)
}

const closed = (state: State, name: string): void => {
  switch (name) {
    case 'testsuite':
      state.suiteFiles.pop()
      return
    case 'failure':
    case 'error':
    case 'skipped':
      state.isMessage = false
      return
    case 'testcase':
      if (state.test !== null) state.found({ ...state.test, message: state.test.message.trim() })
      state.test = null
      state.isMessage = false
  }
}

type Attributes = Readonly<Record<string, string>>

const startOf = (attributes: Attributes, suiteFile: string): Open => ({
  outcome: isLeftOut(attributes) ? 'skipped' : 'passed',
  name: word(attributes.name),
  class: word(attributes.classname ?? attributes.class),
  file: word(attributes.file ?? suiteFile),
  ms: msOf(attributes.time),
  message: '',
})

/** As GoogleTest says it. */
const isLeftOut = ({ status, result }: Attributes): boolean =>
  status === 'notrun' || result === 'skipped' || result === 'suppressed'

const word = (text = ''): string => text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, testWordMax + slack)

/** Seconds, by some with commas between thousands. */
const msOf = (seconds = ''): number => {
  const ms = Math.round(Number(seconds.replaceAll(',', '')) * 1000)
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), testMsMax) : 0
}

const addMessage = (test: Open | null, text: string): void => {
  const room = testMessageMax + slack - (test?.message.length ?? 0)
  if (test !== null && room > 0) test.message += text.slice(0, room).replaceAll(/[^\P{Cc}\n\t]/gu, '')
}
