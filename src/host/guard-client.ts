/**
 * The driver's side of the resume guard: before it suspends a device it arms the guard, another process, which resumes
 * the device should the driver die or hang.
 */
import type { DmName, DmUuid } from "../core/ids.ts";

export interface GuardedDevice {
  readonly name: DmName;
  readonly uuid: DmUuid;
}

export interface ArmRequest {
  /** From the arming to the guard's own resume. */
  readonly deadlineMs: number;
  /** Devices that may get suspended; they exist now. */
  readonly devices: readonly GuardedDevice[];
  /** Absolute mount points that may get frozen. */
  readonly mountPoints: readonly string[];
}

export interface Armed {
  /**
   * Call it after resuming. `fired`: the guard resumed, or may have resumed, something before this call, so what was done
   * meanwhile did not happen on a still device. Never rejects.
   */
  disarm(): Promise<"disarmed" | "fired">;
}

export interface ResumeGuard {
  /** Resolves when the guard stands ready. Rejects with PoolUnavailableError: then suspend nothing. */
  arm(request: ArmRequest): Promise<Armed>;
  /** Drops the connection. Whatever is armed gets resumed. */
  close(): void;
}

export interface GuardClientOptions {
  readonly socket: string;
  /** Start a guard of our own where none listens; it ends some seconds after its last client. */
  readonly start?: { readonly stateDirectory: string };
}
