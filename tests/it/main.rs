mod end_to_end;
