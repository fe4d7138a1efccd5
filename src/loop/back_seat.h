/*
 * back_seat: a thread whose work nobody waits for gives way to those that are waited for.
 */
#pragma once

void back_seat_take(void); /* the calling thread, for good; where the system does not let it, nothing changes */
