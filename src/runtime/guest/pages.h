/*
 * pages: the memory that a first call writes to and the code that it runs, recorded once a template, touched ahead of
 * time by parked workers.
 *
 * After a fork every page is shared until somebody writes to it, and no page of a library is mapped; a first call of a
 * scikit-learn handler writes to some eight hundred, at 2-4 us each, and faults on a hundred for what it runs (the
 * idea: "Benchmarking, Analysis, and Optimization of Serverless Function Snapshots", ASPLOS 2021).  The record is what
 * a real call touched, never what somebody thinks it would; it holds addresses only.
 */
#pragma once

void pages_share(void);  /* in the template, before the first fork: a place for the record */
void pages_record(void); /* in a worker, after its first call: the first of all workers makes the record */
void pages_touch(void);  /* in a parked worker, before it is ready: nothing when there is no record yet */
