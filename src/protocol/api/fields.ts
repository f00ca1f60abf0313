// Sparse answers: `fields=id,status` leaves the other fields of an object out, on a list those of its items. The server
// and `--json=id,status` of the command line do it alike.

export const fieldsForm = /^[a-z_]+(?:,[a-z_]+)*$/

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A page of a list; what stands beside its items stays. */
const isPage = (value: Readonly<Record<string, unknown>>): boolean =>
  Array.isArray(value.items) && 'next_cursor' in value

/** Fields come in the order in which they were asked for; what an object does not have is left out. */
export const pickFields = (document: unknown, fields: readonly string[]): unknown => {
  if (!isObject(document)) return document
  if (isPage(document))
    return { ...document, items: (document.items as readonly unknown[]).map((item) => pickOf(item, fields)) }
  return pickOf(document, fields)
}

const pickOf = (item: unknown, fields: readonly string[]): unknown =>
  isObject(item)
    ? Object.fromEntries(
        fields.flatMap((name) => (Object.hasOwn(item, name) ? [[name, item[name]] as const] : [])),
      )
    : item
