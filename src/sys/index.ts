// The door of sys: thin wrappers over Node and Linux that know no domain word.
export { randomBytes, systemClock } from './clock.ts'
export { ensureDirectory, resolveInside, syncDirectory, writeFileDurably } from './files.ts'
export { createGcm, type Gcm } from './gcm.ts'
export { http } from './http.ts'
export { createLog, describeError } from './log.ts'
export { type ChildProcess, type RunResult, run, type SpawnOptions, spawn, systemPath } from './spawn.ts'
export { requestUnix, type UnixAnswer } from './unix-http.ts'
export { findNoUserNamespaces, inUserNamespace, type NoUserNamespaces } from './user-namespace.ts'
