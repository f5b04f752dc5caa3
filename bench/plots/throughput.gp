# Throughput of puts over the depth of the pipeline. Wants data: blocks of "depth median p25 p75", in
# puts a second, each with a title, as report.c writes them; and what: how they were connected.
set title "Pipelined puts, 16-byte key and 32-byte value, " . what
set xlabel "commands in a pipeline"
set ylabel "million puts a second (median, quartiles)"
set logscale x 2
set logscale y
set grid
set key outside right top
set datafile columnheaders
stats data using 1:2 nooutput
plot for [i=0:STATS_blocks-1] data index i using 1:($2/1e6):($3/1e6):($4/1e6) with yerrorlines \
     title columnheader(1)
