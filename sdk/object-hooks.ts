import type { ObjectHook, ObjectShapes, ObjectType } from '@bulkhead/proto/rules';
import type { Deny, Modify } from './answers.js';
import type { KeptValues, WorkContext } from './hook-context.js';
import type { PluginConfig } from './plugin-types.js';

/** What the host adds to an object once it is kept. */
type HostFields = 'id' | 'etag' | 'created_at' | 'updated_at';

/** An object before it is kept: what the host adds may be missing. */
export type NewObject<Type extends ObjectType> = Omit<ObjectShapes[Type], HostFields> &
  Partial<Pick<ObjectShapes[Type], HostFields>>;

/** What a hook of this kind gets. */
export type HookedObject<Type extends ObjectType, Hook extends ObjectHook> = Hook extends 'before_create'
  ? NewObject<Type>
  : ObjectShapes[Type];

/** What `modify` may name; `undefined` takes a field out. */
export type ObjectChanges<Type extends ObjectType> = {
  readonly [Field in Exclude<keyof ObjectShapes[Type], HostFields | 'metadata'>]?:
    ObjectShapes[Type][Field] | undefined;
};

/** What a handler may return: before_create and before_update may change, every before_* may deny, after_* neither. */
export type ObjectHookAnswer<Type extends ObjectType, Hook extends ObjectHook> =
  | (Hook extends 'before_create' | 'before_update' ? Modify<ObjectChanges<Type>> : never)
  | (Hook extends `before_${string}` ? Deny : never)
  | null
  | undefined
  | void;

/** What the handler of an object hook may know of its operation. */
export interface ObjectHookContext<
  Type extends ObjectType = ObjectType,
  Config = PluginConfig,
> extends WorkContext<Config> {
  readonly objectType: Type;
  readonly hook: ObjectHook;
  /** Undefined before the creation of an object whose id the host makes. */
  readonly objectId: string | undefined;
  /** Of an update: the object as it was. */
  readonly previous: ObjectShapes[Type] | undefined;
  /** The same for the before and after hooks of one operation. An after hook may come twice with it. */
  readonly operationId: string;
  /** Who asks: the id of a user, token or plugin, with permission read_user. */
  readonly userId: string | undefined;
  /** What this plugin noted on the object; what is written here is kept with it. */
  readonly metadata: KeptValues;
  /** Nothing will be written. */
  readonly dryRun: boolean;
}

/** The handlers for one kind of object. */
export type ObjectHandlers<Type extends ObjectType, Config = PluginConfig> = {
  readonly [Hook in ObjectHook]?: (
    object: HookedObject<Type, Hook>,
    ctx: ObjectHookContext<Type, Config>,
  ) => ObjectHookAnswer<Type, Hook> | Promise<ObjectHookAnswer<Type, Hook>>;
} & {
  /** Ascending: 0 to 10 critical validation, 11 to 50 business rules, 51 to 100 enrichment. Default: the manifest's, else 100. */
  readonly priority?: number;
};

/** The plugin's handlers by kind of object. Secrets in objects are redacted without the scope objects.secrets. */
export type ObjectHookHandlers<Config = PluginConfig> = {
  readonly [Type in ObjectType]?: ObjectHandlers<Type, Config>;
};
