// The door of sys: thin wrappers over Node and Linux that know no domain word.
export { type AddressException, parseAddressExceptions } from './address-exceptions.ts'
export { type AddressKind, blockListOf, isInList, normalizeAddress, rangeOf } from './addresses.ts'
export { randomBytes, systemClock } from './clock.ts'
export { compileEarly } from './compile-early.ts'
export {
  ensureDirectory,
  giveFile,
  isDiskFull,
  readFileOf,
  resolveInside,
  syncDirectory,
  writeFileDurably,
} from './files.ts'
export { createGcm, type Gcm } from './gcm.ts'
export { handBack, handBackFlags, handBackWhenQuiet } from './hand-back.ts'
export { startHeartbeat } from './heartbeat.ts'
export { matchesHost, normalizeHostPattern, normalizeName } from './host-names.ts'
export { http } from './http.ts'
export { createLog, describeError } from './log.ts'
export { createEphemeralKey, createOpeningKey, sealingHere } from './opening-key.ts'
export { processBegin } from './process-begin.ts'
export { type ChildProcess, type RunResult, run, type SpawnOptions, spawn, systemPath } from './spawn.ts'
export { requestUnix, type UnixAnswer } from './unix-http.ts'
export { findNoUserNamespaces, inUserNamespace, type NoUserNamespaces } from './user-namespace.ts'
