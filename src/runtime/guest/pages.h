/*
 * pages: the memory that a first call writes to, recorded once a template, touched ahead of time by parked workers.
 *
 * After a fork every page is shared until somebody writes to it; a first call of a scikit-learn handler writes to some
 * hundreds, at about 2 us each (the idea: "Benchmarking, Analysis, and Optimization of Serverless Function Snapshots",
 * ASPLOS 2021).  The record is what a real call touched, never what somebody thinks it would; it holds addresses only.
 */
#pragma once

void pages_share(void);  /* in the template, before the first fork: a place for the record */
void pages_record(void); /* in a worker, after its first call: the first of all workers makes the record */
void pages_touch(void);  /* in a parked worker, before it is ready: nothing when there is no record yet */
