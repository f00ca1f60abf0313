// `mayfly backup list`: what the installation knows of its backups.
import type { Layout } from '../layout.ts'
import { callOperator } from '../operator.ts'

export type KnownBackup = {
  readonly id: string
  readonly made_at: string
  readonly bytes: number
  readonly verified_at: string | null
}

export const listBackups = async (layout: Layout): Promise<readonly KnownBackup[]> => {
  // SAFE: the server's own answer to this route (protocol/api/routes.ts).
  const page = (await callOperator(layout, 'GET', '/api/v1/operator/backups')) as { items: KnownBackup[] }
  return page.items
}
