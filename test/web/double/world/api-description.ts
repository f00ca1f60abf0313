// The description of the API as the server gives it, as far as the page of it draws: made from the same route table.
import * as z from 'zod'
import { type Route, routes } from '../../../../src/protocol/api/routes.ts'
import { livePaths } from '../../../../src/server/http/api-description.ts'

const schemaOf = (shape: z.ZodType, io: 'input' | 'output') =>
  z.toJSONSchema(shape, { io, unrepresentable: 'any' })

const operationOf = ({ summary, access, path, body, answer }: Route) => ({
  summary,
  description: `For who may \`${access}\`.`,
  parameters: [...path.matchAll(/:(\w+)/g)].map((match) => ({
    ...{ name: match[1], in: 'path', required: true, schema: { type: 'string' } },
  })),
  ...(body && { requestBody: { content: { 'application/json': { schema: schemaOf(body, 'input') } } } }),
  responses: { 200: { content: { 'application/json': { schema: schemaOf(answer, 'output') } } } },
})

const paths: Record<string, Record<string, unknown>> = {}
for (const route of Object.values<Route>(routes)) {
  const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
  paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
}

export const apiDescription = { openapi: '3.1.0', paths: { ...paths, ...livePaths() } }
