// A text with `<< … >>` split into its parts (config-dialects.md §2.4): plain text, references and expressions, and
// the sections `<<# x >> … <</ x >>`. `\<<` is a literal `<<`, `\\<<` a backslash before a real one. Pure syntax:
// what a reference means is substitute.ts's business.

import { type ExpressionFault, isFault, type ParsedExpression, parseExpression } from './expression.ts'

/** `at`: where its `<<` stands in the text. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reference'; readonly at: number; readonly name: string }
  | { readonly kind: 'expression'; readonly at: number; readonly parsed: ParsedExpression }
  | {
      readonly kind: 'section'
      readonly at: number
      readonly name: string
      readonly inverted: boolean
      readonly parts: TemplatePart[]
    }

export type Template =
  | { readonly parts: readonly TemplatePart[] }
  | { readonly wrong: string; readonly at: number }

const sectionDepthMax = 50
const referenceForm = /^(?:parameters|pipeline|matrix)\.[^\s<>"()=!]+$/
const variableForm = /^(?:parameters|pipeline|matrix)\./
export const unclosedTag = "unclosed '<<' tag; must be escaped as \\<< in version 2.1"

export interface Templates {
  /** Each text is split once, however often it is instantiated. */
  parse(text: string): Template
  /** Of a text that is an expression as a whole. */
  expression(text: string): ParsedExpression | ExpressionFault
}

export const createTemplates = (): Templates => {
  const parsed = new Map<string, Template>()
  const expressions = new Map<string, ParsedExpression | ExpressionFault>()
  return {
    expression: (text) => {
      const expression = expressions.get(text) ?? parseExpression(text)
      expressions.set(text, expression)
      return expression
    },
    parse: (text) => {
      const template = parsed.get(text) ?? parseTemplate(text)
      parsed.set(text, template)
      return template
    },
  }
}

type Open = { readonly name: string; readonly at: number; readonly parts: TemplatePart[] }

export const parseTemplate = (text: string): Template => {
  const open: Open[] = [{ name: '', at: 0, parts: [] }]
  let literalFrom = 0
  let pending = ''
  for (let at = text.indexOf('<<'); at !== -1; at = text.indexOf('<<', literalFrom)) {
    const slashes = backslashesBefore(text, at, literalFrom)
    pending += text.slice(literalFrom, at - slashes) + '\\'.repeat(slashes >> 1)
    if (slashes % 2 === 1) {
      pending += '<<'
      literalFrom = at + 2
      continue
    }
    const end = endOfTag(text, at + 2)
    if (end === -1) return { wrong: unclosedTag, at }
    if (pending !== '') open.at(-1)?.parts.push({ kind: 'text', text: pending })
    pending = ''
    const wrong = readTag(text.slice(at + 2, end), at, open)
    if (wrong !== null) return { wrong, at }
    literalFrom = end + 2
  }
  pending += text.slice(literalFrom)
  const [root, unclosed] = open
  if (unclosed) return { wrong: `the section "<<# ${unclosed.name} >>" is not closed`, at: unclosed.at }
  if (pending !== '') root?.parts.push({ kind: 'text', text: pending })
  return { parts: root?.parts ?? [] }
}

const backslashesBefore = (text: string, at: number, from: number): number => {
  let count = 0
  while (at - count - 1 >= from && text[at - count - 1] === '\\') count++
  return count
}

/** The next `>>` outside double quotes, before another `<<`. */
const endOfTag = (text: string, from: number): number => {
  let quoted = false
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (quoted && char === '\\') at++
    else if (char === '"') quoted = !quoted
    else if (!quoted && char === '>' && text[at + 1] === '>') return at
    else if (!quoted && char === '<' && text[at + 1] === '<') return -1
  }
  return -1
}

const readTag = (written: string, at: number, open: Open[]): string | null => {
  const content = written.trim()
  const sign = content.charAt(0)
  if (sign === '#' || sign === '^' || sign === '/')
    return readSection(sign, { name: content.slice(1).trim(), at }, open)
  const part = readValue(content, at)
  if (part === null) return unclosedTag
  open.at(-1)?.parts.push(part)
  return null
}

const readSection = (
  sign: string,
  { name, at }: { readonly name: string; readonly at: number },
  open: Open[],
): string | null => {
  if (!referenceForm.test(name)) return unclosedTag
  if (sign === '/') {
    const section = open.length > 1 ? open.pop() : undefined
    return section?.name === name ? null : `"<</ ${name} >>" closes no section of that name`
  }
  if (open.length > sectionDepthMax) return `sections are nested deeper than ${sectionDepthMax} levels`
  const parts: TemplatePart[] = []
  open.at(-1)?.parts.push({ kind: 'section', at, name, inverted: sign === '^', parts })
  open.push({ name, at, parts })
  return null
}

/** A reference, or an expression over references: anything else (`<<EOF`) was not meant as a tag. */
const readValue = (content: string, at: number): TemplatePart | null => {
  if (referenceForm.test(content)) return { kind: 'reference', at, name: content }
  const parsed = parseExpression(content)
  if (isFault(parsed) || parsed.variables.length === 0) return null
  return parsed.variables.every((name) => variableForm.test(name)) ? { kind: 'expression', at, parsed } : null
}
