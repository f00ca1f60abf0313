// `?fields=` of every route that answers an object or a list of them: which names there are stands in the route's own
// schema, so a wrong one is told with those that are right.
import * as z from 'zod'
import { fault } from '../../base/faults.ts'
import { fieldsForm, pickFields } from '../../protocol/api/fields.ts'
import type { Route } from '../../protocol/api/routes.ts'

/** null: the route answers nothing that has fields. */
export const fieldsOf = ({ method, answer }: Route): readonly string[] | null => {
  if (method !== 'GET' || !(answer instanceof z.ZodObject)) return null
  const { items, next_cursor: cursor } = answer.shape as Readonly<Record<string, z.ZodType | undefined>>
  if (!(items instanceof z.ZodArray) || cursor === undefined) return Object.keys(answer.shape)
  return items.element instanceof z.ZodObject ? Object.keys(items.element.shape) : null
}

/** Names with commas between them. */
export const fieldsQuery = {
  fields: z.string().max(1_000).regex(fieldsForm, 'names of fields, with commas between them').optional(),
}

/** The JSON of a sparse answer. */
export const sparseJson = (route: Route, answer: unknown, asked: string): string => {
  const known = fieldsOf(route) ?? []
  const fields = asked.split(',')
  const wrong = fields.find((name) => !known.includes(name))
  if (wrong !== undefined)
    throw fault('E_INPUT', { public: `There is no field ${wrong}; there are ${known.join(', ')}` })
  // By the schema first: whatever it leaves out stays out.
  return JSON.stringify(pickFields(route.answer.parse(answer), fields))
}
