# Terminal for PNG files; loaded before a plot. Wants output_file.
set terminal pngcairo size 1350,900 noenhanced font "sans,14" background "white"
set output output_file
