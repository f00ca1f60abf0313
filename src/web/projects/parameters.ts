// Values for pipeline parameters as a form holds them: text, with a type that somebody chose.
export type ParameterType = 'string' | 'integer' | 'boolean'
export type Parameter = { readonly name: string; readonly type: ParameterType; readonly value: string }

type Values = Record<string, string | number | boolean>

/** Rows without a name are left out. */
export const given = (rows: readonly Parameter[]): { parameters?: Values } => {
  const named = rows.filter(({ name }) => name.trim() !== '')
  if (named.length === 0) return {}
  return { parameters: Object.fromEntries(named.map((row) => [row.name.trim(), typed(row)])) }
}

/** What is no number stays text, so that the answer says what is wrong with it. */
const typed = ({ type, value }: Parameter): string | number | boolean => {
  if (type === 'boolean') return value === 'true'
  return type === 'integer' && /^[-+]?\d{1,15}$/.test(value.trim()) ? Number(value) : value
}

/** Another type begins with a value of its own. */
export const withType = (row: Parameter, type: ParameterType): Parameter => ({
  ...row,
  type,
  value: type === 'boolean' ? 'true' : row.type === 'boolean' ? '' : row.value,
})
