# Latency of a lookup over the table's size. Wants data: blocks of "keys median p25 p75", each with
# a title, as report.c writes them; a run of one size only shows points.
set title "Time of one lookup, 16-byte key to 32-byte value, from another process"
set xlabel "keys"
set ylabel "ns (median, quartiles)"
set logscale xy
set grid
set key outside right top
set datafile columnheaders
stats data using 1:2 nooutput
plot for [i=0:STATS_blocks-1] data index i using 1:2:3:4 with yerrorlines title columnheader(1)
