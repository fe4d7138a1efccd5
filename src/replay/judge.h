/*
 * judge: what monitor knows, as replays ask it: the decisions in an answer by the settings of its version and the
 * threshold in force, and the labels of the recorded call's predictions.  It reads monitor's files by handles of its
 * own. On replay's lane.
 */
#pragma once

#include "replay/replay.h"

struct judge;

struct judge *judge_new(const char *state_dir);
void judge_forget(struct judge *judge); /* settings and thresholds are read again before they are used */
void judge_free(struct judge *judge);
const struct replay_judge *judge_face(struct judge *judge);
