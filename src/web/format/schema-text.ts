// A JSON Schema as a person reads it: names and types, one a line, as in TypeScript. For the page of the API.

export type Schema = {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly default?: unknown
}

const depthMax = 8

export const schemaText = (schema: Schema, depth = 0): string => {
  const either = schema.anyOf ?? schema.oneOf
  if (either !== undefined) return [...new Set(either.map((one) => schemaText(one, depth)))].join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (typeof schema.type === 'object')
    return schema.type.map((type) => schemaText({ ...schema, type }, depth)).join(' | ')
  if (schema.type === 'array') return listText(schemaText(schema.items ?? {}, depth))
  if (schema.type === 'object' || schema.properties !== undefined) return objectText(schema, depth)
  return schema.type ?? 'any'
}

const listText = (item: string): string =>
  item.includes(' | ') && !item.startsWith('{') ? `(${item})[]` : `${item}[]`

const objectText = (
  { properties = {}, required = [], additionalProperties }: Schema,
  depth: number,
): string => {
  const names = Object.entries(properties)
  if (names.length === 0)
    return typeof additionalProperties === 'object'
      ? `{ [name]: ${schemaText(additionalProperties, depth + 1)} }`
      : '{}'
  if (depth >= depthMax) return '{ … }'
  const indent = '  '.repeat(depth + 1)
  const lines = names.map(([name, value]) => {
    const given = value.default === undefined ? '' : `  // ${JSON.stringify(value.default)} when left out`
    return `${indent}${name}${required.includes(name) ? '' : '?'}: ${schemaText(value, depth + 1)}${given}`
  })
  return `{\n${lines.join('\n')}\n${'  '.repeat(depth)}}`
}
