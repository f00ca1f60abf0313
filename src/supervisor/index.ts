// The door of the supervisor: `mayfly up`, `down`, and what a status needs.
export { down } from './down.ts'
export { findLayout, type Layout, type LayoutInput } from './layout.ts'
export { ensurePackages, machinePackages, productPackages, testPackages } from './packages.ts'
export { ensureSettings, type Settings, settingsJsonSchema } from './settings.ts'
export { type Installation, type UpDeps, type UpOptions, up } from './up.ts'
