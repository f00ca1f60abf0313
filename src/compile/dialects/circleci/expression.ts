// The infix expressions of version 2.1 (config-dialects.md §2.9): `pipeline.git.branch == "main" and not x`.
// Weakest first: or · and · == != · starts-with matches · >= > <= < · not !. `and` and `or` return an operand.
// Unset values (null) are falsy, and every comparison with one is false, `!=` too.

import { limits } from '../../limits.ts'
import { compilePattern, type Pattern, stepCost, tooManySteps } from '../../pattern/pattern.ts'

export type ExpressionValue = string | number | boolean | null
/** undefined: no such variable. */
export type Lookup = (name: string) => ExpressionValue | undefined

export type Expression =
  | { readonly op: 'literal'; readonly value: ExpressionValue }
  | { readonly op: 'variable'; readonly name: string }
  | { readonly op: 'not'; readonly operand: Expression }
  | { readonly op: BinaryOp; readonly left: Expression; readonly right: Expression }
  | { readonly op: 'matches'; readonly left: Expression; readonly pattern: Pattern }

type BinaryOp = 'or' | 'and' | '==' | '!=' | 'starts-with' | '>=' | '>' | '<=' | '<'

export type ExpressionFault = {
  readonly fault: 'syntax' | 'type' | 'unknown-variable'
  readonly message: string
}
export type ParsedExpression = {
  readonly expression: Expression
  readonly variables: readonly string[]
  /** What it takes to make and to evaluate it, in characters: above all its patterns. */
  readonly cost: number
}

export const isFault = (value: unknown): value is ExpressionFault =>
  typeof value === 'object' && value !== null && 'fault' in value

const tokenForm =
  /\s*(?:("(?:[^"\\]|\\[\s\S])*")|(-?\d+)(?![\w.-])|([A-Za-z_][\w.-]*)|(==|!=|>=|<=|>|<|!|\(|\))|(\/(?:[^/\\\n]|\\.)*\/))/y

type Token = {
  readonly kind: 'string' | 'integer' | 'word' | 'sign' | 'pattern' | 'end'
  readonly text: string
}

const tokenKinds = ['string', 'integer', 'word', 'sign', 'pattern'] as const

const tokenize = (source: string): Token[] | ExpressionFault => {
  const tokens: Token[] = []
  const text = source.trim()
  let at = 0
  while (at < text.length) {
    tokenForm.lastIndex = at
    const match = tokenForm.exec(text)
    const group = match ? match.slice(1).findIndex((part) => part !== undefined) : -1
    const kind = tokenKinds[group]
    if (!match || !kind)
      return syntax(`unexpected ${JSON.stringify(text.slice(at).trimStart().slice(0, 20))}`)
    tokens.push({ kind, text: match[group + 1] ?? '' })
    at = tokenForm.lastIndex
  }
  tokens.push({ kind: 'end', text: 'the end' })
  return tokens
}

const syntax = (message: string): ExpressionFault => ({ fault: 'syntax', message })

/** Operators by level, weakest first; the unary `not` comes after the last. */
const levels: readonly (readonly string[])[] = [
  ['or'],
  ['and'],
  ['==', '!='],
  ['starts-with', 'matches'],
  ['>=', '>', '<=', '<'],
]

type Reader = {
  readonly tokens: readonly Token[]
  at: number
  depth: number
  cost: number
  readonly variables: string[]
}

export const parseExpression = (source: string): ParsedExpression | ExpressionFault => {
  if (source.length > limits.expressionLengthMax)
    return syntax(`longer than ${limits.expressionLengthMax} characters`)
  const tokens = tokenize(source)
  if (isFault(tokens)) return tokens
  const reader: Reader = { tokens, at: 0, depth: 0, cost: tokens.length, variables: [] }
  const expression = readLevel(reader, 0)
  if (isFault(expression)) return expression
  const rest = peek(reader)
  const { variables, cost } = reader
  return rest.kind === 'end' ? { expression, variables, cost } : unexpected(rest)
}

const peek = (reader: Reader): Token => reader.tokens[reader.at] ?? { kind: 'end', text: 'the end' }
const unexpected = (token: Token): ExpressionFault => syntax(`unexpected ${token.text}`)

const readLevel = (reader: Reader, level: number): Expression | ExpressionFault => {
  const operators = levels[level]
  if (!operators) return readUnary(reader)
  let left = readLevel(reader, level + 1)
  while (!isFault(left)) {
    const token = peek(reader)
    if ((token.kind !== 'word' && token.kind !== 'sign') || !operators.includes(token.text)) break
    reader.at++
    left = readRight(reader, level, left, token.text)
  }
  return left
}

const readRight = (
  reader: Reader,
  level: number,
  left: Expression,
  operator: string,
): Expression | ExpressionFault => {
  if (operator === 'matches') {
    const token = peek(reader)
    if (token.kind !== 'pattern') return syntax('"matches" needs a /regular expression/ on its right')
    reader.at++
    const pattern = compilePattern(token.text.slice(1, -1).replaceAll('\\/', '/'))
    if (!('matchesWhole' in pattern)) return syntax(`the regular expression cannot be used: ${pattern.wrong}`)
    reader.cost += stepCost * pattern.size
    return { op: 'matches', left, pattern }
  }
  const right = readLevel(reader, level + 1)
  // SAFE: `operator` is one of `levels` and not "matches"; those are exactly the members of BinaryOp.
  return isFault(right) ? right : { op: operator as BinaryOp, left, right }
}

const readUnary = (reader: Reader): Expression | ExpressionFault => {
  if (++reader.depth > limits.expressionDepthMax)
    return syntax(`nested deeper than ${limits.expressionDepthMax} levels`)
  try {
    return readOperand(reader)
  } finally {
    reader.depth--
  }
}

const readOperand = (reader: Reader): Expression | ExpressionFault => {
  const token = peek(reader)
  reader.at++
  if (token.text === 'not' || token.text === '!') {
    const operand = readUnary(reader)
    return isFault(operand) ? operand : { op: 'not', operand }
  }
  if (token.text === '(') {
    const inner = readLevel(reader, 0)
    if (isFault(inner)) return inner
    const close = peek(reader)
    reader.at++
    return close.text === ')' ? inner : syntax(`")" expected before ${close.text}`)
  }
  if (token.kind === 'integer') return { op: 'literal', value: Number(token.text) }
  if (token.kind === 'string')
    return { op: 'literal', value: token.text.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') }
  if (token.kind !== 'word') return unexpected(token)
  if (token.text === 'true' || token.text === 'false') return { op: 'literal', value: token.text === 'true' }
  if (levels.flat().includes(token.text)) return unexpected(token)
  reader.variables.push(token.text)
  return { op: 'variable', name: token.text }
}

/** null, false, 0, NaN and empty text are falsy; the text "false" is not. */
export const isTruthy = (value: ExpressionValue): boolean => Boolean(value)

export const evaluate = (expression: Expression, lookup: Lookup): ExpressionValue | ExpressionFault => {
  switch (expression.op) {
    case 'literal':
      return expression.value
    case 'variable':
      return lookup(expression.name) ?? unset(expression.name, lookup)
    case 'not': {
      const operand = evaluate(expression.operand, lookup)
      return isFault(operand) ? operand : !isTruthy(operand)
    }
    case 'and':
    case 'or': {
      const left = evaluate(expression.left, lookup)
      if (isFault(left)) return left
      return isTruthy(left) === (expression.op === 'or') ? left : evaluate(expression.right, lookup)
    }
    case 'matches': {
      const left = evaluate(expression.left, lookup)
      if (isFault(left)) return left
      if (left === null) return false
      if (typeof left !== 'string') return wrongType('matches', 'texts')
      return expression.pattern.matchesWhole(left) ?? { fault: 'type', message: tooManySteps }
    }
    default:
      return compare(expression, lookup)
  }
}

const unset = (name: string, lookup: Lookup): null | ExpressionFault =>
  lookup(name) === null ? null : { fault: 'unknown-variable', message: `there is no value "${name}"` }

const wrongType = (operator: string, wanted: string): ExpressionFault => ({
  fault: 'type',
  message: `"${operator}" compares ${wanted}`,
})

type Comparison = Extract<Expression, { left: Expression; right: Expression }>

const compare = (expression: Comparison, lookup: Lookup): boolean | ExpressionFault => {
  const left = evaluate(expression.left, lookup)
  if (isFault(left)) return left
  const right = evaluate(expression.right, lookup)
  if (isFault(right)) return right
  if (left === null || right === null) return false
  if (expression.op === '==') return left === right
  if (expression.op === '!=') return left !== right
  if (expression.op === 'starts-with')
    return typeof left === 'string' && typeof right === 'string'
      ? left.startsWith(right)
      : wrongType('starts-with', 'texts')
  if (typeof left !== 'number' || typeof right !== 'number') return wrongType(expression.op, 'numbers')
  return order(expression.op, left, right)
}

const order = (operator: string, left: number, right: number): boolean => {
  if (operator === '>') return left > right
  if (operator === '<') return left < right
  return operator === '>=' ? left >= right : left <= right
}
