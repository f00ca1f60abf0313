// The routes of which projects are admitted to contexts for every project; part of the table in routes.ts.
import * as a from './admissions.ts'
import { type Route, route } from './route.ts'

export const admissionRoutes = {
  admissions: route({
    method: 'GET',
    path: '/api/v1/admissions',
    access: 'secret.meta',
    summary: 'Which projects contexts for every project are for, with the source that the vault has pinned',
    ofAll: true,
    answer: a.admissions,
  }),
  admissionsSet: route({
    method: 'POST',
    path: '/api/v1/admissions',
    access: 'context.manage',
    summary: 'Admit projects to contexts for every project, or not any more, under a signed statement',
    ofAll: true,
    body: a.admissionsSet,
    answer: a.admissions,
  }),
} as const satisfies Record<string, Route>
