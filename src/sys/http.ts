// Node's HTTP without its price: an import of it reads all its exports, one of which loads a whole second client, some
// 10 MB and 25 ms of every program's start. Asked for by name, it does not.
export const http = (): typeof import('node:http') => process.getBuiltinModule('node:http')
