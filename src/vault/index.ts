// The door of the vault. Only main/vault.ts enters here; everybody else speaks protocol/vault.ts over its sockets.
export { listenVault, prepareSockets } from './listen.ts'
export { openVault, type Vault, type VaultOptions } from './vault.ts'
