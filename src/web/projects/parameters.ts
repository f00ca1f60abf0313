// Values for pipeline parameters as a form holds them: text, with a type that somebody chose or the pipeline declares.
import type { DeclaredParameters } from '../../protocol/api/shapes.ts'

export type ParameterType = 'string' | 'integer' | 'boolean'
export type Parameter = { readonly name: string; readonly type: ParameterType; readonly value: string }
export type Declared = NonNullable<DeclaredParameters['parameters']>[number]

export type Values = Record<string, string | number | boolean>

/** Rows without a name are left out. */
export const given = (rows: readonly Parameter[]): { parameters?: Values } => {
  const named = rows.filter(({ name }) => name.trim() !== '')
  if (named.length === 0) return {}
  return { parameters: Object.fromEntries(named.map((row) => [row.name.trim(), typed(row)])) }
}

/** What somebody changed: the others have their defaults without being named. */
export const valuesOf = (takes: readonly Declared[], edited: Readonly<Record<string, string>>): Values =>
  Object.fromEntries(
    takes.flatMap(({ name, type, default: usual }) => {
      const value = edited[name]
      if (value === undefined || value === (usual === null ? '' : String(usual))) return []
      return [[name, typed({ type: type === 'enum' ? 'string' : type, value })]]
    }),
  )

/** What is no number stays text, so that the answer says what is wrong with it. */
const typed = ({ type, value }: Omit<Parameter, 'name'>): string | number | boolean => {
  if (type === 'boolean') return value === 'true'
  return type === 'integer' && /^[-+]?\d{1,15}$/.test(value.trim()) ? Number(value) : value
}

/** Another type begins with a value of its own. */
export const withType = (row: Parameter, type: ParameterType): Parameter => ({
  ...row,
  type,
  value: type === 'boolean' ? 'true' : row.type === 'boolean' ? '' : row.value,
})
