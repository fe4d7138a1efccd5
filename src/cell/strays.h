/*
 * strays: what an ended worker left running, found without a cgroup: by its mount namespace, which is that worker's
 * alone and which no code behind the walls can leave.  Used by the keeper only.
 */
#pragma once

/* Kills every process in that mount namespace (a descriptor).  How many there were; proc: the host's /proc. */
int strays_kill(int proc, int mounts);
