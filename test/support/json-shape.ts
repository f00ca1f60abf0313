// What JSON Schema says of a value, as far as tests make values of it.
export type JsonShape = {
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonShape[]
  readonly oneOf?: readonly JsonShape[]
  readonly type?: string
  readonly properties?: Readonly<Record<string, JsonShape>>
  readonly additionalProperties?: JsonShape | boolean
  readonly required?: readonly string[]
  readonly items?: JsonShape
  readonly minItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
}
