// What the development double answers: one organisation with every state a page must draw. Typed by the API's own
// shapes, so that it cannot drift from them. Only tests use it.
export * from './world/api-description.ts'
export * from './world/artifacts.ts'
export * from './world/attempts.ts'
export * from './world/ids.ts'
export * from './world/orbs.ts'
export * from './world/people.ts'
export * from './world/projects.ts'
export * from './world/run-list.ts'
export * from './world/runs.ts'
export * from './world/secrets.ts'
export * from './world/system.ts'
export * from './world/tests.ts'
