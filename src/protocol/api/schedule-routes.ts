// The routes of schedules; part of the table in routes.ts.
import * as z from 'zod'
import { paging, type Route, route } from './route.ts'
import * as s from './schedules.ts'
import { page } from './shapes.ts'

export const scheduleRoutes = {
  schedules: route({
    method: 'GET',
    path: '/api/v1/projects/:project/schedules',
    access: 'run.view',
    summary: 'When runs of a project begin by themselves',
    query: z.strictObject(paging),
    answer: page(s.schedule),
  }),
  scheduleAdd: route({
    method: 'POST',
    path: '/api/v1/projects/:project/schedules',
    access: 'project.manage',
    summary: 'Begin runs at set times',
    body: s.scheduleInput,
    answer: s.schedule,
  }),
  schedule: route({
    method: 'GET',
    path: '/api/v1/projects/:project/schedules/:schedule',
    access: 'run.view',
    summary: 'How one schedule is set, by id or name',
    answer: s.scheduleSettings,
    versioned: true,
  }),
  scheduleSet: route({
    method: 'PATCH',
    path: '/api/v1/projects/:project/schedules/:schedule',
    access: 'project.manage',
    summary: 'Change a schedule, by id or name; pause it',
    body: s.scheduleChange,
    answer: s.schedule,
  }),
  scheduleRemove: route({
    method: 'DELETE',
    path: '/api/v1/projects/:project/schedules/:schedule',
    access: 'project.manage',
    summary: 'Remove a schedule, by id or name',
    answer: z.object({}),
  }),
} as const satisfies Record<string, Route>
